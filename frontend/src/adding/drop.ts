/** Pictures that are dropped or pasted onto the page: onto the field to search by them, anywhere else to add them. */

import { useEffect, useEffectEvent, useState } from "react";
import { isPicture } from "./queue";

type Props = {
  onSearch: (files: readonly File[]) => void;
  /** Null where nothing may be added: then every picture is searched by. */
  onAdd: ((files: readonly File[]) => void) | null;
};

/** Where files that are being dragged would go, if they were dropped now. */
export function useDrop({ onSearch, onAdd }: Props): "field" | "page" | null {
  const [over, setOver] = useState<"field" | "page" | null>(null);

  const search = useEffectEvent(onSearch);
  const drop = useEffectEvent(async (data: DataTransfer, field: boolean) => {
    const files = await filesOf(data);
    if (field || !onAdd) onSearch(files);
    else onAdd(files);
  });

  useEffect(() => {
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const onField = (event: Event) =>
      event.target instanceof Element && event.target.closest("search") !== null;
    const drag = (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      setOver(onField(event) ? "field" : "page");
    };
    // It leaves the window when it goes to nothing.
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(null);
    const dropped = (event: DragEvent) => {
      if (!carries(event) || !event.dataTransfer) return;
      event.preventDefault();
      setOver(null);
      void drop(event.dataTransfer, onField(event));
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])].filter(isPicture);
      // Office programs put a picture of the text beside the text: that is no search for a picture.
      if (files.length === 0 || event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      search(files);
    };
    document.addEventListener("dragover", drag);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", dropped);
    document.addEventListener("paste", paste);
    return () => {
      document.removeEventListener("dragover", drag);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", dropped);
      document.removeEventListener("paste", paste);
    };
  }, []);
  return over;
}

/** The files of what was dropped, with those in folders. */
async function filesOf(data: DataTransfer): Promise<File[]> {
  // Before anything is awaited: afterwards the entries are gone.
  const items = [...data.items].map((item) => [item.webkitGetAsEntry(), item.getAsFile()] as const);
  // What was dragged out of another page is a file without an entry.
  const found = await Promise.all(items.map(([entry, file]) => (entry ? walk(entry) : file ? [file] : [])));
  return found.flat();
}

/** An entry that cannot be read is left out: the others are no worse for it. */
async function walk(entry: FileSystemEntry): Promise<File[]> {
  try {
    return await inside(entry);
  } catch {
    return [];
  }
}

async function inside(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  // A reader gives a hundred at a time, and none at the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0) break;
    found.push(...part);
  }
  return (await Promise.all(found.map(walk))).flat();
}
