import { lazy, Suspense, useEffect, useState } from "react";
import { ApiError } from "../api/client";
import { useMessages } from "../i18n/language";
import { Notice } from "../ui/notice";

type Props = { error: Error; onRetry: () => void };

const Refused = lazy(() =>
  import("./refused").then(
    (module) => ({ default: module.Refused }),
    // What sends the page's own files is down as well.
    () => ({ default: Silent }),
  ),
);

/** An error message: what happened, what it means for the user, and what to do next. */
export function Failed({ error, onRetry }: Props) {
  if (error instanceof ApiError && error.status === 0) return <Silent onRetry={onRetry} />;
  return (
    <Suspense>
      <Refused error={error} onRetry={onRetry} />
    </Suspense>
  );
}

/** No server answers: the network or the system is down. Retries automatically when it is back. */
function Silent({ onRetry }: Pick<Props, "onRetry">) {
  const t = useMessages();
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const back = () => {
      setOnline(true);
      onRetry();
    };
    const gone = () => setOnline(false);
    window.addEventListener("online", back);
    window.addEventListener("offline", gone);
    return () => {
      window.removeEventListener("online", back);
      window.removeEventListener("offline", gone);
    };
  }, [onRetry]);
  return (
    <Notice title={online ? t.states.failed : t.states.offline} alert action={t.tryAgain} onAction={onRetry}>
      <p>{online ? t.states.silent : t.states.offlineWhy}</p>
      <p>
        {online && t.states.goesOn} {t.states.safe}
      </p>
    </Notice>
  );
}
