/** The page's language: the browser's, or the one chosen on the page. */

import { createContext, type ReactNode, use, useMemo, useState } from "react";
import { en, type Messages } from "./en";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "sightline.language";
const known = (name: string): name is Language => name in LANGUAGES;

export type Speech = {
  language: Language;
  t: Messages;
  /** Formats a whole number in this language. */
  number: (value: number) => string;
  /** Formats the date of a time in UTC, or of a camera's local time without zone; other text is returned unchanged. */
  date: (moment: string) => string;
  /** As `date`, with the time of day. */
  moment: (moment: string) => string;
  choose: (language: Language) => void;
};

const Context = createContext<Speech | null>(null);

export function preferred(): Language {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // localStorage is blocked: use the browser's language.
  }
  const wanted = [chosen ?? "", ...navigator.languages].map((name) => name.slice(0, 2));
  return wanted.find(known) ?? "en";
}

/** The messages of a language; English is in the bundle, other languages are loaded on demand. */
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
    const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
    return {
      ...spoken,
      number: (value) => numbers.format(value),
      date: (moment) => {
        // A date without a time would be parsed as midnight UTC, which is the day before in America.
        const read = new Date(/^\d{4}-\d\d-\d\d$/.test(moment) ? `${moment}T00:00` : moment);
        return Number.isNaN(read.getTime()) ? moment : dates.format(read);
      },
      moment: (moment) => {
        const read = new Date(moment);
        return Number.isNaN(read.getTime()) ? moment : moments.format(read);
      },
      choose: (next) => {
        try {
          localStorage.setItem(KEY, next);
        } catch {
          // localStorage is blocked: the choice lasts until the page is closed.
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

/** The messages in the current language. */
export function useMessages(): Messages {
  return useSpeech().t;
}
