/** One set, one stroke: each is decoration beside a name, so none is announced. */

type Props = { size?: number };

function icon(path: string) {
  return function Icon({ size = 20 }: Props) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        <path d={path} />
      </svg>
    );
  };
}

export const SearchIcon = icon("M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14M16.2 16.2L20.5 20.5");
export const CloseIcon = icon("M6 6l12 12M18 6L6 18");
export const PreviousIcon = icon("M14.5 5l-7 7l7 7");
export const NextIcon = icon("M9.5 5l7 7l-7 7");
export const AlikeIcon = icon("M4 8V4h4M20 8V4h-4M4 16v4h4M20 16v4h-4M12 9a3 3 0 1 1 0 6a3 3 0 0 1 0-6");
export const OpenIcon = icon("M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5");
