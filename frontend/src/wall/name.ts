import type { Picture } from "../api/schema";
import type { Messages } from "../i18n/en";

/** A picture's text alternative for screen readers. */
export function nameOf(picture: Picture, t: Messages): string {
  return picture.caption || picture.file_name || t.unnamed;
}
