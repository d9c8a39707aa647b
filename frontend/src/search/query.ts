/** A search as in the page's URL, with the API's parameters: ?q=, ?term=, ?mode=, and filters. */

export type Kind = "text" | "like" | "vector";

/** A term of a search, with a signed weight: text, a picture of the collection, or the token of an uploaded one. */
export type Term = { kind: Kind; value: string; weight: number };

export type Mode = "vector" | "text" | "hybrid";

export type Query = {
  /** The text in the field. */
  q: string;
  /** The further terms, shown as chips. */
  terms: readonly Term[];
  mode: Mode;
  /** Filters and all other URL parameters; the API validates them. */
  rest: readonly (readonly [string, string])[];
};

export const NOTHING: Query = { q: "", terms: [], mode: "vector", rest: [] };

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
    else if (name !== "q" && name !== "mode" && name !== "picture") rest.push([name, value]);
  }
  const mode = params.get("mode");
  // Pass an unknown mode on, so that the API refuses it with a message.
  if (mode !== null && mode !== "text" && mode !== "hybrid" && mode !== "vector") rest.push(["mode", mode]);
  return {
    q: params.get("q")?.trim() ?? "",
    terms,
    mode: mode === "text" || mode === "hybrid" ? mode : "vector",
    rest,
  };
}

/** Write parameters in a fixed order, so that equal searches have equal URLs and cache keys. */
export function writeQuery(query: Query): URLSearchParams {
  const params = new URLSearchParams();
  if (query.q.trim()) params.set("q", query.q.trim());
  for (const term of query.terms) params.append("term", writeTerm(term));
  if (query.mode !== "vector") params.set("mode", query.mode);
  for (const [name, value] of query.rest) params.append(name, value);
  return params;
}

/** Whether there is a text or a term to search for; filters alone are no search. */
export function asks(query: Query): boolean {
  return query.q !== "" || query.terms.length > 0;
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
  return { ...query, q: "", terms: [{ kind: "like", value: id, weight: 1 }], mode: "vector" };
}

/** Add a term; an existing one gets the new weight. */
export function withTerm(query: Query, term: Term): Query {
  const others = query.terms.filter((t) => t.kind !== term.kind || t.value !== term.value);
  return fitting({ ...query, terms: [...others, term] });
}

/** Fall back to the mode `vector` if the query's mode does not support its terms (text mode: only texts). */
export function fitting(query: Query): Query {
  // Without a query, keep the mode: it was chosen for the next one.
  if (!asks(query)) return query;
  const words = query.q !== "" || query.terms.some((t) => t.kind === "text" && t.weight > 0);
  const onlyWords = query.terms.every((t) => t.kind === "text");
  if ((query.mode === "text" && !(onlyWords && words)) || (query.mode === "hybrid" && !words)) {
    return { ...query, mode: "vector" };
  }
  return query;
}

/** The modes that this search supports. */
export function modesOf(query: Query): Mode[] {
  const modes: Mode[] = ["vector", "text", "hybrid"];
  return modes.filter((mode) => fitting({ ...query, mode }).mode === mode);
}

// The weight of "not" is -0.5: with -1, unwanted aspects would outweigh the wanted ones in the results.
export const WEIGHTS = [-1, -0.5, 0.5, 1, 2] as const;
export const AWAY = -0.5;

/** The next weight up or down, within the ends. */
export function stepped(weight: number, step: 1 | -1): number {
  if (step === 1) return WEIGHTS.find((w) => w > weight) ?? weight;
  return WEIGHTS.findLast((w) => w < weight) ?? weight;
}
