/** Whether single keys do something where nothing is typed: for those who speak to their computer they are a trap. */

const KEY = "sightline.single-keys";

export function singleKeys(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

export function setSingleKeys(on: boolean): void {
  try {
    if (on) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, "off");
  } catch {
    // Then they stay as they are.
  }
}
