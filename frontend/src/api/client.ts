/** Requests to the gateway: paths, parameters and answers have the types of its description. */

import createClient from "openapi-fetch";
import type { paths } from "./schema";

export const api = createClient<paths>();

/** A request that failed, with the sentence that the service gave. Status 0: no server answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId = "",
    /** Seconds after which it is worth another try, where the service says so. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** The document that a request was answered with. An error is a problem document, and becomes an ApiError. */
export async function answerOf<T>(
  request: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  let answer: Awaited<typeof request>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "no answer came");
  }
  const { data, error, response } = answer;
  if (response.ok) return data as T;
  throw errorOf(response.status, error, response.headers.get("Retry-After"));
}

export function errorOf(status: number, problem: unknown, retryAfter: string | null): ApiError {
  const { detail, request_id } = (problem ?? {}) as { detail?: string; request_id?: string };
  const seconds = Number(retryAfter);
  return new ApiError(status, detail ?? `status ${status}`, request_id, seconds > 0 ? seconds : null);
}
