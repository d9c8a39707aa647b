import { useQuery } from "@tanstack/react-query";
import { Fragment, useSyncExternalStore } from "react";
import { mayWrite, neighboursOf, original, sessionQuery, thumbnail } from "../api/queries";
import type { Hit, Picture } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import type { PageMessages } from "../i18n/pages-en";
import { Link, useEntry } from "../navigation";
import { AWAY, alike, asks, hrefOf, NOTHING, type Query, withFilter, withTerm } from "../search/query";
import type { SearchParams } from "../search/search-params";
import { useShared } from "../shared";
import { copyText } from "../ui/copy";
import {
  AddIcon,
  AlikeIcon,
  AwayIcon,
  DeleteIcon,
  DownloadIcon,
  EditIcon,
  LinkIcon,
  OpenIcon,
} from "../ui/icons";
import { SURE } from "../wall/certainty";
import { nameOf } from "../wall/name";
import { EditForm } from "./edit-form";
import { useDelete } from "./use-delete";
import styles from "./viewer.module.css";
import { WrittenText } from "./written";

/** How the names of attributes begin that hold what the file says. */
const FILE = /^file_/;

type Props = {
  picture: Picture;
  /** The search result, if the picture is on the wall. */
  hit: Hit | undefined;
  params: SearchParams;
  editing: boolean;
  onEdit: (editing: boolean) => void;
  /** Called when the picture has been deleted. */
  onGone: () => void;
};

/** The viewer's column with a picture's metadata. */
export function Facts({ picture, hit, params, editing, onEdit, onGone }: Props) {
  const { t } = usePageSpeech();
  return (
    <aside className={styles.facts}>
      {editing ? (
        <EditForm picture={picture} onDone={() => onEdit(false)} />
      ) : (
        <>
          <h2>{nameOf(picture, t)}</h2>
          <Actions picture={picture} params={params} onEdit={() => onEdit(true)} onGone={onGone} />
        </>
      )}
      <WrittenText picture={picture} hit={hit} />
      <Details picture={picture} hit={hit} params={params} />
      {/* No links while editing: following one would lose the unsaved text. */}
      {!editing && <Neighbours picture={picture} params={params} />}
    </aside>
  );
}

type ActionProps = Pick<Props, "picture" | "params" | "onGone"> & { onEdit: () => void };

function Actions({ picture, params, onEdit, onGone }: ActionProps) {
  const { t } = usePageSpeech();
  const { toasts, drafts } = useShared();
  const { data: session } = useQuery(sessionQuery);
  const remove = useDelete();
  const term = (weight: number) =>
    hrefOf(withTerm(params.query, { kind: "like", value: picture.id, weight }));
  const copy = async () => {
    try {
      await copyText(window.location.href);
      toasts.say(t.viewer.copied);
    } catch {
      toasts.say(t.viewer.notCopied);
    }
  };
  return (
    <div className={styles.groups}>
      <div className={styles.actions}>
        <Link to={hrefOf(alike(params.query, picture.id))}>
          <AlikeIcon size={18} /> {t.wall.alike}
        </Link>
        <Link to={term(1)}>
          <AddIcon size={18} /> {t.wall.add}
        </Link>
        <Link to={term(AWAY)}>
          <AwayIcon size={18} /> {t.wall.away}
        </Link>
      </div>
      <div className={styles.actions}>
        <a href={original(picture)} target="_blank" rel="noreferrer">
          <OpenIcon size={18} /> {t.viewer.original}
        </a>
        <a href={original(picture)} download={picture.file_name || picture.id}>
          <DownloadIcon size={18} /> {t.viewer.download}
        </a>
        <button type="button" onClick={() => void copy()}>
          <LinkIcon size={18} /> {t.viewer.copy}
        </button>
      </div>
      {mayWrite(session) && (
        <div className={styles.actions}>
          <button type="button" onClick={onEdit}>
            <EditIcon size={18} /> {drafts.has(picture.id) ? t.viewer.editOn : t.viewer.edit}
          </button>
          <button
            type="button"
            onClick={() => {
              remove([picture]);
              onGone();
            }}
          >
            <DeleteIcon size={18} /> {t.viewer.delete}
          </button>
        </div>
      )}
    </div>
  );
}

function Details({ picture, hit, params }: Pick<Props, "picture" | "hit" | "params">) {
  const { t, number, moment } = usePageSpeech();
  const size = picture.bytes === null ? "" : `, ${number(Math.ceil(picture.bytes / 1000))} kB`;
  const facts: [string, string][] = [
    [t.viewer.size, `${number(picture.width)} × ${number(picture.height)}${size}`],
    ...(picture.taken_at ? [[t.viewer.taken, moment(picture.taken_at)] as [string, string]] : []),
    [t.viewer.added, moment(picture.added_at)],
    ...Object.entries(picture.attributes)
      .filter(([name, value]) => !saysNothingNew(picture, name, value))
      .map(
        ([name, value]) =>
          [
            label(t, name),
            name === "file_taken_at"
              ? moment(String(value))
              : name === "damage"
                ? t.viewer.damaged
                : say(name.replace(FILE, ""), value),
          ] as [string, string],
      ),
  ];
  const sure = hit?.confidence ?? null;
  return (
    <dl>
      {sure !== null && (
        <div>
          <dt>{t.sure.label}</dt>
          <dd>
            {sure > SURE
              ? t.sure.clear
              : sure > 0.8
                ? t.sure.probable
                : sure > 0.5
                  ? t.sure.perhaps
                  : t.sure.unlikely}
          </dd>
        </div>
      )}
      {picture.tags.length > 0 && (
        <div>
          <dt>{t.viewer.tags}</dt>
          <dd className={styles.tags}>
            {picture.tags.map((tag) => (
              <Link key={tag} to={hrefOf(withFilter(NOTHING, "tags", [tag]))}>
                {tag}
              </Link>
            ))}
          </dd>
        </div>
      )}
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {picture.file_name && (
        <div>
          <dt>{t.viewer.file}</dt>
          <dd>
            <Path name={picture.file_name} query={params.query} />
          </dd>
        </div>
      )}
    </dl>
  );
}

/** A file name; each folder in it is a link to the same search within that folder. */
function Path({ name, query }: { name: string; query: Query }) {
  const { t } = usePageSpeech();
  const parts = name.split("/");
  return parts.map((part, depth) => {
    const path = parts.slice(0, depth + 1).join("/");
    if (depth === parts.length - 1) return part;
    return (
      <Fragment key={path}>
        <Link
          to={hrefOf(withFilter(asks(query) ? query : NOTHING, "folder", [path]))}
          title={t.viewer.within(path)}
        >
          {part}
        </Link>
        {" / "}
      </Fragment>
    );
  });
}

/** Whether an attribute is empty, or only repeats the caption or the tags: what the file says, where the user has not changed it. */
function saysNothingNew(picture: Picture, name: string, value: unknown): boolean {
  if (value === "") return true;
  if (name === "file_caption") return value === picture.caption;
  if (name !== "file_keywords") return false;
  return String(value)
    .split("; ")
    .every((word) => picture.tags.includes(word));
}

/** An attribute's name; `file_camera` holds what the file says where the user corrected it. */
function label(t: PageMessages, name: string): string {
  const fact = t.viewer.attributes[name.replace(FILE, "")];
  return t.viewer.attributes[name] ?? (fact ? t.viewer.inFile(fact) : name);
}

/** An attribute's value in photographers' notation. */
function say(name: string, value: string | number | boolean): string {
  if (name === "f_number") return `f/${value}`;
  if (name === "focal_length_mm") return `${value} mm`;
  if (name === "exposure_s" && typeof value === "number") {
    return value < 0.5 ? `1/${Math.round(1 / value)} s` : `${value} s`;
  }
  return String(value);
}

function Neighbours({ picture, params }: { picture: Picture; params: SearchParams }) {
  const { t } = usePageSpeech();
  const { removals } = useShared();
  const hidden = useSyncExternalStore(removals.subscribe, removals.all);
  const { data } = useQuery(neighboursOf(picture.id));
  const { fromWall } = useEntry();
  if (!data || data.results.length === 0) return <div className={styles.neighbours} />;
  return (
    <section className={styles.neighbours} aria-label={t.viewer.similarLabel}>
      <h3>{t.viewer.similar}</h3>
      <ul>
        {data.results
          .filter((hit) => !hidden.has(hit.id))
          .map((hit) => (
            <li key={hit.id}>
              <Link to={params.show(hit.id)} replace fromWall={fromWall}>
                <img src={thumbnail(hit, 240)} alt={nameOf(hit, t)} loading="lazy" />
              </Link>
            </li>
          ))}
      </ul>
    </section>
  );
}
