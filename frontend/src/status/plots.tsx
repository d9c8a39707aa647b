/** Sparkline plots: one colour, no axes; the numbers are beside them. */

import styles from "./status-page.module.css";

const WIDTH = 140;
const HEIGHT = 24;

/** Counts as bars; each has its count as a tooltip. */
export function Bars({
  values,
  names,
  label,
}: {
  values: readonly number[];
  names: readonly string[];
  label: string;
}) {
  const most = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length);
  return (
    <svg
      className={styles.plot}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      {values.map((value, i) => {
        // A least height, so that a count of one among thousands is visible.
        const height = value === 0 ? 0.5 : Math.max(1.5, (HEIGHT * value) / most);
        return (
          <rect key={names[i]} x={i * step} y={HEIGHT - height} width={step - 1.5} height={height}>
            <title>{`${names[i]}: ${value}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** Values over time as a line, with zero as the baseline. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values);
  const [width, height] = [2 * WIDTH, 2 * HEIGHT];
  const step = width / Math.max(1, values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(height - 2 - ((height - 4) * value) / most).toFixed(1)}`,
  );
  return (
    <svg
      className={styles.plot}
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
    >
      <polyline points={points.length === 1 ? `0,${height / 2} ${points[0]}` : points.join(" ")} />
    </svg>
  );
}

/** A fraction, 0 to 1, as a bar. */
export function Share({ value, label }: { value: number; label: string }) {
  return (
    <svg
      className={styles.plot}
      viewBox={`0 0 ${WIDTH} 6`}
      width={WIDTH}
      height={6}
      role="img"
      aria-label={label}
    >
      <rect className={styles.ground} width={WIDTH} height={6} />
      <rect width={WIDTH * value} height={6} />
    </svg>
  );
}
