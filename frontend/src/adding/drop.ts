/** Drag and drop, and paste: files dropped on the search field are searched by, files dropped elsewhere are added. */

import { useEffect, useEffectEvent, useState } from "react";
import { isPicture } from "./queue";

type Props = {
  onSearch: (files: readonly File[]) => void;
  onAdd: (files: readonly File[]) => void;
  /** Whether this browser may add pictures: if not, dropped files are always searched by. */
  mayAdd: () => Promise<boolean>;
};

/** Handles drag and drop and paste; returns the drop target of files that are being dragged, or null. */
export function useDrop({ onSearch, onAdd, mayAdd }: Props): "field" | "page" | null {
  const [over, setOver] = useState<"field" | "page" | null>(null);

  const search = useEffectEvent(onSearch);
  const drop = useEffectEvent(async (data: DataTransfer, field: boolean) => {
    const files = await filesOf(data);
    if (field || !(await mayAdd())) onSearch(files);
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
    // The drag has left the window only if there is no related target.
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(null);
    const dropped = (event: DragEvent) => {
      if (!carries(event) || !event.dataTransfer) return;
      event.preventDefault();
      setOver(null);
      void drop(event.dataTransfer, onField(event));
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])].filter(isPicture);
      // Office programs put a picture of copied text on the clipboard beside the text: do not search by it.
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

/** The dropped files, including those in folders. */
async function filesOf(data: DataTransfer): Promise<File[]> {
  // Synchronously, before the first await: afterwards the browser clears the entries.
  const items = [...data.items].map((item) => [item.webkitGetAsEntry(), item.getAsFile()] as const);
  // A picture that is dragged out of another page is a file without an entry.
  const found = await Promise.all(items.map(([entry, file]) => (entry ? walk(entry) : file ? [file] : [])));
  return found.flat();
}

/** The files below an entry; an entry that cannot be read is skipped. */
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
  // readEntries returns up to 100 entries per call, and an empty list at the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0) break;
    found.push(...part);
  }
  return (await Promise.all(found.map(walk))).flat();
}
