import { lazy, Suspense, useEffect, useState } from "react";
import { ApiError } from "../api/client";
import { useMessages } from "../i18n/language";
import { Link } from "../navigation";
import { Notice } from "../ui/notice";

const KeyForm = lazy(() => import("../ui/key-form").then((module) => ({ default: module.KeyForm })));

type Props = { error: Error; onRetry: () => void };

/** An error message: what happened, what it means for the user, and what to do next. */
export function Failed({ error, onRetry }: Props) {
  const t = useMessages();
  const known = error instanceof ApiError ? error : null;
  switch (known?.status) {
    case 401:
      return (
        <Suspense>
          <KeyForm />
        </Suspense>
      );
    case 403:
      return <Forbidden error={known} />;
    case 404:
      return <Notice title={t.states.goneTitle}>{t.states.gone}</Notice>;
    case 409:
      return (
        <Notice title={t.states.otherModel} alert action={t.tryAgain} onAction={onRetry}>
          <p>{t.states.otherModelWhy}</p>
          <p>{known.message}</p>
        </Notice>
      );
    case 429:
      return <Busy error={known} onRetry={onRetry} />;
    case 0:
      return <Silent onRetry={onRetry} />;
  }
  if (known && known.status < 500) {
    return (
      <Notice alert title={t.states.misunderstood}>
        <p>{known.message}</p>
        <p>
          <Link to="/">{t.states.startOver}</Link>
        </p>
      </Notice>
    );
  }
  const encoder = known?.part === "encoder";
  return (
    <Notice title={t.states.failed} alert action={t.tryAgain} onAction={onRetry}>
      {known && <p>{encoder ? t.states.encoder : t.states.part(known.message)}</p>}
      {encoder && <p>{t.states.known}</p>}
      <p>
        {t.states.goesOn} {t.states.safe} {known?.requestId && t.states.log(known.requestId)}
      </p>
    </Notice>
  );
}

function Forbidden({ error }: { error: ApiError }) {
  const t = useMessages();
  const [other, setOther] = useState(false);
  if (other)
    return (
      <Suspense>
        <KeyForm />
      </Suspense>
    );
  return (
    <Notice title={t.states.forbidden} action={t.states.otherKey} onAction={() => setOther(true)}>
      {error.message}
    </Notice>
  );
}

/** Rate limit or busy system: counts down to the retry, which is automatic. */
function Busy({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const t = useMessages();
  const [left, setLeft] = useState(error.retryAfter ?? 5);
  useEffect(() => {
    if (left <= 0) {
      onRetry();
      return;
    }
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left, onRetry]);
  return (
    <Notice title={t.states.busy} action={t.tryAgain} onAction={onRetry}>
      <p role="alert">{error.message}</p>
      <p>{t.states.busyWait(Math.max(0, left))}</p>
    </Notice>
  );
}

/** No server answers: the network or the system is down. Retries automatically when it is back. */
function Silent({ onRetry }: { onRetry: () => void }) {
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
