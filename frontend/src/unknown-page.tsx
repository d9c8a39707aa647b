import { useEffect } from "react";
import { useMessages } from "./i18n/language";
import { Link } from "./navigation";
import { Notice } from "./ui/notice";

/** The answer to an address that this page does not have. */
export function UnknownPage() {
  const t = useMessages();
  useEffect(() => {
    document.title = t.title(t.states.unknownTitle);
  }, [t]);
  return (
    <main>
      <Notice title={t.states.unknownTitle}>
        {t.states.unknown} <Link to="/">{t.states.toFront}</Link>
      </Notice>
    </main>
  );
}
