import { ApiError, errorOf } from "../api/client";
import type { UploadItem } from "../api/schema";
import { urlOf } from "../base";
import type { Upload } from "./queue";

// Seconds before a retry when no server answers.
const SILENT_S = 2;

/** Uploads one file in one request. XMLHttpRequest, since `fetch` does not report upload progress. */
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
        // Not JSON: the reverse proxy's own error page.
      }
      const item = answer?.items?.[0];
      if (item) resolve(item);
      else reject(errorOf(request.status, answer, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => {
      // The file may have been deleted since it was chosen: test whether it can still be read.
      file
        .slice(0, 1)
        .arrayBuffer()
        .then(
          () => reject(new ApiError(0, "no answer came", { retryAfter: SILENT_S })),
          () => reject(new ApiError(0, "the file cannot be read", { kind: "unreadable" })),
        );
    };
    request.onabort = () => reject(new ApiError(0, "cancelled"));
  });
  const form = new FormData();
  form.append("images", file, file.name);
  request.open("POST", urlOf("/api/v1/images"));
  request.send(form);
  return { done, cancel: () => request.abort() };
}
