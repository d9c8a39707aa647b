import { useMemo } from "react";
import type { Messages } from "./en";
import { type Language, type Speech, useSpeech } from "./language";
import { pagesDe } from "./pages-de";
import { type PageMessages, pagesEn } from "./pages-en";
import { whyOf } from "./why";

const PAGES: Record<Language, PageMessages> = { en: pagesEn, de: pagesDe };

export type PageSpeech = Omit<Speech, "t"> & {
  t: Messages & PageMessages;
  /** Why something failed, as a clause that stands after a colon. */
  why: (error: unknown) => string;
};

/** The current language, with the messages of the pages beside the search. */
export function usePageSpeech(): PageSpeech {
  const speech = useSpeech();
  return useMemo(
    () => ({
      ...speech,
      t: { ...speech.t, ...PAGES[speech.language] },
      why: (error) => whyIn(speech, error),
    }),
    [speech],
  );
}

/** As `why` above, for code that loads these messages only when something fails. */
export function whyIn({ language, number }: Pick<Speech, "language" | "number">, error: unknown): string {
  return whyOf(error, PAGES[language], number);
}
