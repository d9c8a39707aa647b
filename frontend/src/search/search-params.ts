/** The parsed search parameters of the page's URL, and URLs made from them. */

import { useMemo } from "react";
import { useEntry } from "../navigation";
import { asks, hrefOf, lists, type Query, readQuery, writeQuery } from "./query";

export type SearchParams = {
  query: Query;
  /** Whether there are results: of a search, or of a listing. */
  searching: boolean;
  /** The search as a canonical string: equal for equal searches. */
  search: string;
  /** The id of the picture that is open in the viewer. */
  picture: string | null;
  /** The URL of this search with a picture open in the viewer, or without one. */
  show: (picture: string | null) => string;
};

export function useSearchParams(): SearchParams {
  const { search } = useEntry();
  return useMemo(() => {
    const params = new URLSearchParams(search);
    const query = readQuery(params);
    return {
      query,
      searching: asks(query) || lists(query),
      search: writeQuery(query).toString(),
      picture: params.get("picture"),
      show: (picture) => hrefOf(query, picture),
    };
  }, [search]);
}
