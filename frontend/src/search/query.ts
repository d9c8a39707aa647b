/** A search as in the page's URL, with the API's parameters: ?q=, ?term=, ?mode=, and filters. */

export type Kind = "text" | "like" | "vector";

/** A term of a search, with a signed weight: text, a picture of the collection, or the token of an uploaded one. */
export type Term = { kind: Kind; value: string; weight: number };

/** `auto`: by looks, and by words as well where the collection has captions. */
export type Mode = "auto" | "vector" | "text" | "hybrid";

/** The order of a listing without terms: newest first, by when pictures were added or taken. */
export type Sort = "added" | "taken";

export type Query = {
  /** The text in the field. */
  q: string;
  /** The further terms, shown as chips. */
  terms: readonly Term[];
  mode: Mode;
  /** The order if there is nothing to search for; null: not chosen. */
  sort: Sort | null;
  /** Filters and all other URL parameters; the API validates them. */
  rest: readonly (readonly [string, string])[];
};

export const NOTHING: Query = { q: "", terms: [], mode: "auto", sort: null, rest: [] };

/** All pictures, newest first. */
export const EVERYTHING: Query = { ...NOTHING, sort: "added" };

const MODES: readonly (string | null)[] = ["auto", "vector", "text", "hybrid", null];
const SORTS: readonly (string | null)[] = ["added", "taken", null];
const OWN = ["q", "mode", "sort", "picture"];

const WRITTEN = /^(?:(-?\d{1,2}(?:\.\d{1,4})?)\*)?(text|like|vector):(.*)$/s;

export function readTerm(written: string): Term | null {
  const [, weight, kind, value] = WRITTEN.exec(written) ?? [];
  return kind && value
    ? { kind: kind as Kind, value, weight: weight === undefined ? 1 : Number(weight) }
    : null;
}

export function writeTerm(term: Term): string {
  return `${term.weight === 1 ? "" : `${term.weight}*`}${term.kind}:${term.value}`;
}

export function readQuery(params: URLSearchParams): Query {
  const terms: Term[] = [];
  const rest: [string, string][] = [];
  for (const [name, value] of params) {
    const term = name === "term" ? readTerm(value) : null;
    if (term) terms.push(term);
    else if (!OWN.includes(name)) rest.push([name, value]);
  }
  const [mode, sort] = [params.get("mode"), params.get("sort")];
  // Pass unknown values on, so that the API refuses them with a message.
  if (mode !== null && !MODES.includes(mode)) rest.push(["mode", mode]);
  if (sort !== null && !SORTS.includes(sort)) rest.push(["sort", sort]);
  return {
    q: params.get("q")?.trim() ?? "",
    terms,
    mode: mode !== null && MODES.includes(mode) ? (mode as Mode) : "auto",
    sort: sort !== null && SORTS.includes(sort) ? (sort as Sort) : null,
    rest,
  };
}

/** Write parameters in a fixed order, so that equal searches have equal URLs and cache keys. */
export function writeQuery(query: Query): URLSearchParams {
  const params = new URLSearchParams();
  if (query.q.trim()) params.set("q", query.q.trim());
  for (const term of query.terms) params.append("term", writeTerm(term));
  if (query.mode !== "auto") params.set("mode", query.mode);
  if (query.sort && !asks(query)) params.set("sort", query.sort);
  for (const [name, value] of query.rest) params.append(name, value);
  return params;
}

/** Whether there is a text or a term to search for; filters alone list pictures. */
export function asks(query: Query): boolean {
  return query.q !== "" || query.terms.length > 0;
}

/** Whether pictures are listed: by filters or an order, without anything to search for. */
export function lists(query: Query): boolean {
  return !asks(query) && (query.rest.length > 0 || query.sort !== null);
}

export function hrefOf(query: Query, picture: string | null = null): string {
  const params = writeQuery(query);
  if (picture) params.set("picture", picture);
  return params.size ? `/?${params}` : "/";
}

export function filterOf(query: Query, name: string): string[] {
  return query.rest.filter(([other]) => other === name).map(([, value]) => value);
}

export function withFilter(query: Query, name: string, values: readonly string[]): Query {
  const others = query.rest.filter(([other]) => other !== name);
  return { ...query, rest: [...others, ...values.map((value) => [name, value] as const)] };
}

/** Search only by one picture; filters are kept. */
export function alike(query: Query, id: string): Query {
  return { ...query, q: "", terms: [{ kind: "like", value: id, weight: 1 }], mode: "auto" };
}

/** Add a term; an existing one gets the new weight. */
export function withTerm(query: Query, term: Term): Query {
  const others = query.terms.filter((t) => t.kind !== term.kind || t.value !== term.value);
  return fitting({ ...query, terms: [...others, term] });
}

/** Fall back to the mode `auto` if the query's mode does not support its terms (text mode: only texts). */
export function fitting(query: Query): Query {
  // Without a query, keep the mode: it was chosen for the next one.
  if (!asks(query)) return query;
  const words = query.q !== "" || query.terms.some((t) => t.kind === "text" && t.weight > 0);
  const onlyWords = query.terms.every((t) => t.kind === "text");
  if ((query.mode === "text" && !(onlyWords && words)) || (query.mode === "hybrid" && !words)) {
    return { ...query, mode: "auto" };
  }
  return query;
}

/** The modes that this search supports. */
export function modesOf(query: Query): ChosenMode[] {
  const modes: ChosenMode[] = ["vector", "text", "hybrid"];
  return modes.filter((mode) => fitting({ ...query, mode }).mode === mode);
}

export type ChosenMode = Exclude<Mode, "auto">;

/** The mode that `auto` stands for. */
export function modeOf(query: Query, captioned: boolean): ChosenMode {
  if (query.mode !== "auto") return query.mode;
  return captioned && modesOf(query).includes("hybrid") ? "hybrid" : "vector";
}

// The weight of "not" is -0.5: with -1, unwanted aspects would outweigh the wanted ones in the results.
export const WEIGHTS = [-1, -0.5, 0.5, 1, 2] as const;
export const AWAY = -0.5;

/** The next weight up or down, within the ends. */
export function stepped(weight: number, step: 1 | -1): number {
  if (step === 1) return WEIGHTS.find((w) => w > weight) ?? weight;
  return WEIGHTS.findLast((w) => w < weight) ?? weight;
}
