import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Component, lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { isOpen, Queue } from "./adding/queue";
import { sendFile } from "./adding/send";
import { ApiError } from "./api/client";
import { deletePictures, restorePictures } from "./api/queries";
import type { Messages } from "./i18n/en";
import { type Language, Languages } from "./i18n/language";
import { useEntry } from "./navigation";
import { SearchPage } from "./search/search-page";
import { type Shared, SharedContext } from "./shared";
import { Notice } from "./ui/notice";
import { ToastList } from "./ui/toast-list";
import { Toasts } from "./ui/toasts";
import { UnknownPage } from "./unknown-page";
import { Removals } from "./viewer/removals";
import { Selection } from "./wall/selection";

const StatusPage = lazy(() =>
  import("./status/status-page").then((module) => ({ default: module.StatusPage })),
);

const BinPage = lazy(() => import("./bin/bin-page").then((module) => ({ default: module.BinPage })));

const LibraryPage = lazy(() =>
  import("./library/library-page").then((module) => ({ default: module.LibraryPage })),
);

function createClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Retry only without an answer (0) or if the service is down or overloaded (502 and up), not other errors.
        retry: (count, error) =>
          count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
        retryDelay: (count) => 400 * 2 ** count,
        // Going back to a search must not fetch it again and re-rank the wall.
        staleTime: 60_000,
        refetchOnWindowFocus: false,
        networkMode: "always",
      },
    },
  });
}

function createShared(queries: QueryClient): Shared {
  let told: ReturnType<typeof setTimeout>;
  const removals = new Removals({ remove: deletePictures, restore: restorePictures });
  const added = (id: string) => {
    removals.show([id]);
    // Debounced: many additions cause one invalidation.
    clearTimeout(told);
    told = setTimeout(() => {
      void queries.invalidateQueries({ queryKey: ["facets"] });
      void queries.invalidateQueries({ queryKey: ["search"], refetchType: "none" });
    }, 300);
  };
  const wait = (seconds: number) => new Promise<void>((done) => setTimeout(done, 1000 * seconds));
  return {
    toasts: new Toasts(),
    removals,
    selection: new Selection(),
    drafts: new Map(),
    queue: new Queue(sendFile, added, wait),
  };
}

export function App({ language, messages }: { language: Language; messages: Messages }) {
  const { path } = useEntry();
  const [queries] = useState(createClient);
  const [shared] = useState(() => createShared(queries));
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (shared.queue.all().some(isOpen) || shared.drafts.size > 0) event.preventDefault();
    };
    // Without this, the browser would open a file that is dropped outside a drop target in place of the page.
    const stay = (event: DragEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    window.addEventListener("dragover", stay);
    window.addEventListener("drop", stay);
    return () => {
      window.removeEventListener("beforeunload", ask);
      window.removeEventListener("dragover", stay);
      window.removeEventListener("drop", stay);
    };
  }, [shared]);
  return (
    <Languages first={language} messages={messages}>
      <Fence messages={messages}>
        <QueryClientProvider client={queries}>
          <SharedContext value={shared}>
            <Suspense>
              <CurrentPage path={path} />
            </Suspense>
            <ToastList toasts={shared.toasts} />
          </SharedContext>
        </QueryClientProvider>
      </Fence>
    </Languages>
  );
}

function CurrentPage({ path }: { path: string }) {
  if (path === "/status") return <StatusPage />;
  if (path === "/library") return <LibraryPage />;
  if (path === "/bin") return <BinPage />;
  return path === "/" ? <SearchPage /> : <UnknownPage />;
}

type FenceProps = { messages: Messages; children: ReactNode };

/** Error boundary: shows a message instead of an empty screen when rendering fails. */
class Fence extends Component<FenceProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    const { messages: t, children } = this.props;
    if (!this.state.failed) return children;
    return (
      <Notice title={t.states.crashed} action={t.states.reload} onAction={() => window.location.reload()}>
        {t.states.crashedWhy}
      </Notice>
    );
  }
}
