/** Requests to the gateway. Every error is a problem document, and becomes an ApiError. */

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

export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "no answer came");
  }
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
  const problem: unknown = await answer.json().catch(() => null);
  throw errorOf(answer.status, problem, answer.headers.get("Retry-After"));
}

export function errorOf(status: number, problem: unknown, retryAfter: string | null): ApiError {
  const { detail, request_id } = (problem ?? {}) as { detail?: string; request_id?: string };
  const seconds = Number(retryAfter);
  return new ApiError(status, detail ?? `status ${status}`, request_id, seconds > 0 ? seconds : null);
}

export function send<T>(method: string, path: string, body: unknown): Promise<T> {
  return ask<T>(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** An id comes from the URL, where anybody may have written anything. */
export function pathOf(id: string): string {
  return `/api/v1/images/${encodeURIComponent(id)}`;
}
