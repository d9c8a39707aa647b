/** Copy a text to the clipboard. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // The Clipboard API needs a secure context; over plain HTTP, as in a home network, use the deprecated execCommand.
  const field = document.createElement("textarea");
  field.value = text;
  const container = document.querySelector("dialog[open]") ?? document.body;
  const before = document.activeElement;
  container.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!copied) throw new Error("the browser refused");
}
