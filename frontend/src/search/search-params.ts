/** The search params of the page's URL, read, and addresses made from them. */

import { useMemo } from "react";
import { useEntry } from "../navigation";
import { asks, hrefOf, type Query, readQuery, writeQuery } from "./query";

export type SearchParams = {
  query: Query;
  /** Whether there is something to search for. */
  searching: boolean;
  /** The search as one string: equal searches have equal ones. */
  search: string;
  /** The id of the picture that is open. */
  picture: string | null;
  /** The address of this search with a picture open, or none. */
  show: (picture: string | null) => string;
};

export function useSearchParams(): SearchParams {
  const { search } = useEntry();
  return useMemo(() => {
    const params = new URLSearchParams(search);
    const query = readQuery(params);
    return {
      query,
      searching: asks(query),
      search: writeQuery(query).toString(),
      picture: params.get("picture"),
      show: (picture) => hrefOf(query, picture),
    };
  }, [search]);
}
