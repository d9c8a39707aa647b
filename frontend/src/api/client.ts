/** Requests to the gateway, typed by its OpenAPI document. */

import createClient from "openapi-fetch";
import { BASE } from "../base";
import type { components, paths } from "./schema";

type Problem = components["schemas"]["Problem"];

export const api = createClient<paths>({ baseUrl: BASE.slice(0, -1) });

/** A failed request, with the service's error message. Status 0: no server answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId = "",
    /** The Retry-After header in seconds, if the service sent it. */
    readonly retryAfter: number | null = null,
    /** The part of the system that failed, if the service named one. */
    readonly part: string | null = null,
  ) {
    super(message);
  }
}

/** The JSON document of an answer. An error (problem+json) is thrown as ApiError. */
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
  const { detail, request_id, part } = (problem ?? {}) as Partial<Problem>;
  const seconds = Number(retryAfter);
  return new ApiError(status, detail ?? `status ${status}`, request_id, seconds > 0 ? seconds : null, part);
}
