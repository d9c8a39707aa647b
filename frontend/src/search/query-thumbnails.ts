/**
 * Thumbnails of the pictures that were searched by: the URL holds their vectors, which cannot be seen.
 *
 * Kept for the session, so that they are there after a reload; a link opened elsewhere shows the term without one.
 */

const KEY = "sightline.thumbnail.";
const SIDE = 56;

const keyOf = (token: string) => KEY + token.slice(0, 64);

export function queryThumbnailOf(token: string): string | null {
  try {
    return sessionStorage.getItem(keyOf(token));
  } catch {
    return null;
  }
}

/** Keep a small square out of the middle of a picture; a format that the browser cannot show is left out. */
export async function keepQueryThumbnail(token: string, file: File): Promise<void> {
  try {
    const picture = await createImageBitmap(file);
    const side = Math.min(picture.width, picture.height);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    canvas
      .getContext("2d")
      ?.drawImage(
        picture,
        (picture.width - side) / 2,
        (picture.height - side) / 2,
        side,
        side,
        0,
        0,
        SIDE,
        SIDE,
      );
    sessionStorage.setItem(keyOf(token), canvas.toDataURL("image/webp", 0.8));
  } catch {
    // The term is named in words as well.
  }
}
