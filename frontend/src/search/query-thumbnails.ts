/**
 * Thumbnails of pictures that were uploaded to search by: the URL has only their vectors.
 *
 * Stored in sessionStorage, so that they survive a reload; in another tab or browser the term has no thumbnail.
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

/** Store a small square from the centre of a picture; formats that the browser cannot decode get no thumbnail. */
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
    // No thumbnail: the term also has a text label.
  }
}
