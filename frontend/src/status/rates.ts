/** Searches per minute, from repeated readings of a counter. */

export type Moment = { at: number; searches: number };

const MOST = 61;

/** Append a reading; if the counter is lower than before, a gateway was restarted and the series begins again. */
export function added(moments: readonly Moment[], next: Moment): Moment[] {
  const last = moments.at(-1);
  if (last && (next.at <= last.at || next.searches < last.searches)) return [next];
  return [...moments, next].slice(-MOST);
}

export function rates(moments: readonly Moment[]): number[] {
  return moments.slice(1).map((moment, i) => {
    const before = moments[i] ?? moment;
    return (60_000 * (moment.searches - before.searches)) / (moment.at - before.at);
  });
}
