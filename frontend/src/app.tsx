import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Component, type ReactNode, useState } from "react";
import { BrowserRouter } from "react-router";
import { ApiError } from "./api";
import { SearchPage } from "./search/search-page";
import { Notice } from "./ui/notice";

function createClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // A refusal stays a refusal; only silence and an overloaded service are worth another try.
        retry: (count, error) =>
          count < 2 &&
          error instanceof ApiError &&
          (error.status === 0 || error.status === 429 || error.status >= 502),
        retryDelay: (count) => 400 * 2 ** count,
        // The same words on the same collection give the same pictures; coming back must not re-rank the wall.
        staleTime: 60_000,
        refetchOnWindowFocus: false,
        networkMode: "always",
      },
    },
  });
}

export function App() {
  const [client] = useState(createClient);
  return (
    <Fence>
      <QueryClientProvider client={client}>
        <BrowserRouter>
          <SearchPage />
        </BrowserRouter>
      </QueryClientProvider>
    </Fence>
  );
}

/** The last resort: a fault of the page itself is told, not shown as an empty screen. */
class Fence extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice
        title="The page has stopped working."
        action="Load it again"
        onAction={() => window.location.reload()}
      >
        Your pictures are safe: this is a fault of the page alone.
      </Notice>
    );
  }
}
