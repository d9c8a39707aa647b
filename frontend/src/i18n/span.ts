import type { PageMessages } from "./pages-en";

/** A span of time in words, rounded to its largest unit. */
export function span(seconds: number, t: PageMessages): string {
  if (seconds < 120) return t.status.seconds(Math.round(seconds));
  if (seconds < 7200) return t.status.minutes(Math.round(seconds / 60));
  if (seconds < 172_800) return t.status.hours(Math.round(seconds / 3600));
  return t.status.days(Math.round(seconds / 86_400));
}
