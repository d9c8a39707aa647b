/** Put a text on the clipboard. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain HTTP, as in a home's own network, browsers have only the old way.
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
