import { useMemo } from "react";
import type { Messages } from "./en";
import { type Language, type Speech, useSpeech } from "./language";
import { pagesDe } from "./pages-de";
import { type PageMessages, pagesEn } from "./pages-en";

const PAGES: Record<Language, PageMessages> = { en: pagesEn, de: pagesDe };

export type PageSpeech = Omit<Speech, "t"> & { t: Messages & PageMessages };

/** The current language, with the messages of the pages beside the search. */
export function usePageSpeech(): PageSpeech {
  const speech = useSpeech();
  return useMemo(() => ({ ...speech, t: { ...speech.t, ...PAGES[speech.language] } }), [speech]);
}
