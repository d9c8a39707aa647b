import { ApiError, errorOf } from "../api/client";
import type { UploadItem } from "../api/schema";
import type { Upload } from "./queue";

// Gone for a moment, or for good: it is tried again a few times.
const SILENT_S = 2;

/** One file in one request: `fetch` does not tell how much of it was sent. */
export function sendFile(file: File, onProgress: (sent: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<UploadItem>((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.upload.onload = () => onProgress(1);
    request.onload = () => {
      let answer: { items?: UploadItem[] } | null = null;
      try {
        answer = JSON.parse(request.responseText) as { items?: UploadItem[] };
      } catch {
        // An edge that answers in its own words.
      }
      const item = answer?.items?.[0];
      if (item) resolve(item);
      else reject(errorOf(request.status, answer, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => {
      // It may be the file that has gone, since it was chosen.
      file
        .slice(0, 1)
        .arrayBuffer()
        .then(
          () => reject(new ApiError(0, "no answer came", "", SILENT_S)),
          () => reject(new ApiError(0, "the file cannot be read")),
        );
    };
    request.onabort = () => reject(new ApiError(0, "cancelled"));
  });
  const form = new FormData();
  form.append("images", file, file.name);
  request.open("POST", "/api/v1/images");
  request.send(form);
  return { done, cancel: () => request.abort() };
}
