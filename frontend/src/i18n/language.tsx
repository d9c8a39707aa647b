/** The page's language: the browser's, or the one that was chosen here. */

import { createContext, type ReactNode, use, useMemo, useState } from "react";
import { en, type Messages } from "./en";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "sightline.language";
const known = (name: string): name is Language => name in LANGUAGES;

export type Speech = {
  language: Language;
  t: Messages;
  /** A whole number as people of this language write it. */
  number: (value: number) => string;
  /** A date, of a moment in UTC or of a camera's clock without a zone; what is none stays as it is. */
  date: (moment: string) => string;
  choose: (language: Language) => void;
};

const Context = createContext<Speech | null>(null);

export function preferred(): Language {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // A browser that keeps nothing: its own language it is.
  }
  const wanted = [chosen ?? "", ...navigator.languages].map((name) => name.slice(0, 2));
  return wanted.find(known) ?? "en";
}

/** The messages of a language; those of English are here, and others are fetched. */
export async function load(language: Language): Promise<Messages> {
  return language === "de" ? (await import("./de")).de : en;
}

type Props = { first: Language; messages: Messages; children: ReactNode };

export function Languages({ first, messages, children }: Props) {
  const [spoken, setSpoken] = useState({ language: first, t: messages });
  const speech = useMemo<Speech>(() => {
    const { language } = spoken;
    document.documentElement.lang = language;
    const numbers = new Intl.NumberFormat(language);
    const dates = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
    return {
      ...spoken,
      number: (value) => numbers.format(value),
      date: (moment) => {
        // A day alone would be read as the midnight of Greenwich, and be the day before in America.
        const read = new Date(/^\d{4}-\d\d-\d\d$/.test(moment) ? `${moment}T00:00` : moment);
        return Number.isNaN(read.getTime()) ? moment : dates.format(read);
      },
      choose: (next) => {
        try {
          localStorage.setItem(KEY, next);
        } catch {
          // Then it holds until the page is left.
        }
        void load(next).then((t) => setSpoken({ language: next, t }));
      },
    };
  }, [spoken]);
  return <Context value={speech}>{children}</Context>;
}

export function useSpeech(): Speech {
  const speech = use(Context);
  if (!speech) throw new Error("no Languages around this component");
  return speech;
}

/** What the page says, in the reader's language. */
export function useMessages(): Messages {
  return useSpeech().t;
}
