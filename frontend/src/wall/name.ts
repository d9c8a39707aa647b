import type { Picture } from "../api/schema";
import type { Messages } from "../i18n/en";

/** How a picture is named to a person who does not see it. */
export function nameOf(picture: Picture, t: Messages): string {
  return picture.caption || picture.file_name || t.unnamed;
}
