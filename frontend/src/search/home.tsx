import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { sessionQuery } from "../api/queries";
import type { Facets } from "../api/schema";
import { LANGUAGES, type Language, useSpeech } from "../i18n/language";
import { Link } from "../navigation";
import { Menu } from "../ui/menu";
import { Notice } from "../ui/notice";
import { KeptSearches } from "./kept-links";
import { hrefOf, NOTHING } from "./query";
import styles from "./search-page.module.css";
import { asTyped } from "./suggestions";

const KeyInUse = lazy(() => import("../ui/key-in-use").then((module) => ({ default: module.KeyInUse })));

// Longest example in characters, so that four fit on a line.
const SHORT = 26;

/** Example queries: short captions of the collection if there are at least four, else fixed ones. */
export function Examples({ facets }: { facets: Facets | undefined }) {
  const { t } = useSpeech();
  if (!facets || facets.count === 0) return <div className={styles.examples} />;
  const own = [...new Set(facets.captions.map(asTyped))].filter((text) => text.length <= SHORT);
  const examples = own.length >= 4 ? own.slice(0, 4) : t.home.examples;
  return (
    <div className={styles.examples}>
      <span>{t.home.pictures(facets.count)}</span>
      <ul>
        {examples.map((text) => (
          <li key={text}>
            <Link to={hrefOf({ ...NOTHING, q: text })}>{text}</Link>
          </li>
        ))}
      </ul>
      <p>{t.home.hint}</p>
      <KeptSearches />
    </div>
  );
}

/** The hint for an empty collection: how to add pictures. */
export function Empty({ onAdd }: { onAdd: (() => void) | undefined }) {
  const { t } = useSpeech();
  return (
    <Notice title={t.states.emptyTitle} {...(onAdd ? { action: t.adding.open, onAction: onAdd } : {})}>
      <p>
        {onAdd && t.states.emptyAdd} {t.states.emptyTerminal} <code>sightline add ~/Pictures</code>
      </p>
      <p>{t.states.emptyNotice}</p>
    </Notice>
  );
}

type FooterProps = { onHelp: () => void; addName: string; onAdd: (() => void) | undefined };

export function Footer({ onHelp, addName, onAdd }: FooterProps) {
  const { t, language, choose } = useSpeech();
  const { data: session } = useQuery(sessionQuery);
  return (
    <footer className={styles.footer}>
      {onAdd && (
        <button type="button" onClick={onAdd}>
          {addName}
        </button>
      )}
      <Link to="/library">{t.home.library}</Link>
      {onAdd && <Link to="/bin">{t.home.bin}</Link>}
      <Link to="/status">{t.home.status}</Link>
      <Suspense>{session?.id && <KeyInUse />}</Suspense>
      <button type="button" onClick={onHelp}>
        {t.home.help}
      </button>
      <Menu
        label={t.home.language}
        name={`${t.home.language}: ${LANGUAGES[language]}`}
        choices={(Object.keys(LANGUAGES) as Language[]).map((one) => ({
          name: LANGUAGES[one],
          chosen: one === language,
          onChoose: () => choose(one),
        }))}
      >
        {LANGUAGES[language]}
      </Menu>
    </footer>
  );
}
