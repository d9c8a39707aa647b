/** Requests to the gateway, typed by its OpenAPI document. */

import createClient from "openapi-fetch";
import { BASE } from "../base";
import type { components, paths } from "./schema";

type Problem = components["schemas"]["Problem"];
type ItemError = components["schemas"]["ItemError"];

export const api = createClient<paths>({ baseUrl: BASE.slice(0, -1) });

/** What the page knows of a failure, beside the status. */
export type Facts = {
  /** The kind of the error: the last part of the problem's type; of the page's own: "unreadable", "cancelled". */
  kind?: string;
  requestId?: string;
  /** The Retry-After header in seconds, if the service sent it. */
  retryAfter?: number | null;
  /** The part of the system that failed, if the service named one. */
  part?: string | null;
  /** Of something that is too large: the limit, in `unit`. */
  limit?: number | null;
  unit?: Problem["unit"];
  /** Of an invalid request: the fields that are wrong. */
  fields?: string[];
};

/** A failed request. Status 0: no server answered. The message is the service's, in English, for the console. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly facts: Facts = {},
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
  const { type, detail, request_id, part, limit, unit, fields } = (problem ?? {}) as Partial<Problem>;
  const seconds = Number(retryAfter);
  return new ApiError(status, detail ?? `status ${status}`, {
    kind: kindOf(type),
    ...(request_id && { requestId: request_id }),
    retryAfter: seconds > 0 ? seconds : null,
    ...(part && { part }),
    ...(limit && { limit, unit: unit ?? null }),
    ...(fields && { fields }),
  });
}

/** The error of one item inside an answer about several. */
export function itemError(error: ItemError): ApiError {
  const { type, detail, limit, unit } = error;
  return new ApiError(200, detail, { kind: kindOf(type), ...(limit && { limit, unit: unit ?? null }) });
}

/** Of urn:sightline:error:too-large: too-large. */
function kindOf(type = ""): string {
  return type.slice(type.lastIndexOf(":") + 1);
}
