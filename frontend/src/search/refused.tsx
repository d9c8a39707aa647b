import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ApiError } from "../api/client";
import { sessionQuery } from "../api/queries";
import { usePageSpeech } from "../i18n/pages";
import { Link } from "../navigation";
import { KeyForm } from "../ui/key-form";
import { Notice } from "../ui/notice";

type Props = { error: Error; onRetry: () => void };

/** What a service answered instead of results, in the page's words. */
export function Refused({ error, onRetry }: Props) {
  const { t } = usePageSpeech();
  const { status, facts } = error instanceof ApiError ? error : new ApiError(500, "");
  const retry = { action: t.tryAgain, onAction: onRetry };
  switch (status) {
    case 401:
      return <KeyForm />;
    case 403:
      return <Forbidden />;
    case 404:
      return <Notice title={t.refused.goneTitle}>{t.refused.gone}</Notice>;
    case 409:
      return (
        <Notice title={t.refused.otherModel} alert {...retry}>
          {t.refused.otherModelWhy}
        </Notice>
      );
    case 429:
      return <Busy seconds={facts.retryAfter ?? 5} onRetry={onRetry} />;
  }
  if (status < 500) {
    return (
      <Notice alert title={t.refused.misunderstood}>
        <p>{facts.fields?.length ? t.refused.wrong(facts.fields.join(", ")) : t.refused.address}</p>
        <p>
          <Link to="/">{t.refused.startOver}</Link>
        </p>
      </Notice>
    );
  }
  return (
    <Notice title={t.states.failed} alert {...retry}>
      {facts.part === "encoder" ? (
        <>
          <p>{t.refused.encoder}</p>
          <p>{t.refused.known}</p>
        </>
      ) : (
        <p>{facts.part ? t.refused.part : t.refused.internal}</p>
      )}
      <p>
        {t.states.goesOn} {t.states.safe} {facts.requestId && t.refused.log(facts.requestId)}
      </p>
    </Notice>
  );
}

/** A key without the scope: says which key is in use and what it may do, and takes another one. */
function Forbidden() {
  const { t } = usePageSpeech();
  const { data: session } = useQuery(sessionQuery);
  const [other, setOther] = useState(false);
  if (other) return <KeyForm />;
  const key = session?.key_name;
  return (
    <Notice title={t.refused.forbidden} action={t.refused.otherKey} onAction={() => setOther(true)}>
      {key && (session.scope === "read" ? t.refused.mayRead(key) : t.refused.mayWrite(key))}
    </Notice>
  );
}

/** Rate limit or busy system: counts down to the retry, which is automatic. */
function Busy({ seconds, onRetry }: { seconds: number; onRetry: () => void }) {
  const { t } = usePageSpeech();
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (left <= 0) {
      onRetry();
      return;
    }
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left, onRetry]);
  return (
    <Notice title={t.refused.busy} action={t.tryAgain} onAction={onRetry}>
      {/* Announced once, not each second. */}
      <p className="unseen" role="alert">
        {t.refused.busyWait(seconds)}
      </p>
      <p aria-hidden="true">{t.refused.busyWait(Math.max(0, left))}</p>
    </Notice>
  );
}
