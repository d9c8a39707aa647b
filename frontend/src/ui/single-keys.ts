/** The setting for single-key shortcuts: people who use speech input need to switch them off (WCAG 2.1.4). */

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
    // localStorage is blocked: the setting is unchanged.
  }
}
