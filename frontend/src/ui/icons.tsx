/** Icons with one stroke width. Each is decoration beside a label, so screen readers ignore it. */

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
export const AddIcon = icon("M12 5v14M5 12h14");
export const AwayIcon = icon("M5 12h14");
export const PictureIcon = icon("M4 5h16v14H4zM4 16l5-5l4 4l2.5-2.5L20 17M15.5 9.5h.01");
export const FilterIcon = icon("M4 7h16M7 12h10M10 17h4");
export const HelpIcon = icon(
  "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1 1-1.1 1.8M12 16.5h.01M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18",
);
export const DownloadIcon = icon("M12 4v11M7.5 10.5L12 15l4.5-4.5M5 20h14");
export const LinkIcon = icon(
  "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1",
);
export const EditIcon = icon("M4 20l1-4L16 5l3 3L8 19zM14 7l3 3");
export const DeleteIcon = icon("M5 7h14M10 7V5h4v2M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5");
export const RetryIcon = icon("M19 12a7 7 0 1 1-2-4.9L19 9M19 4v5h-5");
export const HistoryIcon = icon("M12 7v5l3 2M4.5 12a7.5 7.5 0 1 0 2.5-5.6L4.5 8.5M4.5 4.5v4h4");
export const TagIcon = icon("M4 4h7l9 9l-7 7l-9-9zM8 8h.01");
export const CheckIcon = icon("M5 12.5l4.5 4.5L19 7.5");
export const StarIcon = icon("M12 4l2.5 5.2l5.7.7l-4.2 3.9l1.1 5.6L12 16.6l-5.1 2.8L8 13.8L3.8 9.9l5.7-.7z");
export const UploadIcon = icon("M12 15V4M7.5 8.5L12 4l4.5 4.5M5 15v5h14v-5");
export const ZoomInIcon = icon("M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14M16.2 16.2L20.5 20.5M8 11h6M11 8v6");
export const ZoomOutIcon = icon("M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14M16.2 16.2L20.5 20.5M8 11h6");
export const ActualSizeIcon = icon("M4 9V4h5M20 15v5h-5M9 9h6v6H9z");
