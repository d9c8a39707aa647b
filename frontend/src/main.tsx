import "@fontsource-variable/geist/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { load, preferred } from "./i18n/language";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");
// The page restores the scroll position itself: the browser does not know the height of the virtualised wall.
history.scrollRestoration = "manual";
const language = preferred();
const messages = await load(language);
createRoot(root).render(
  <StrictMode>
    <App language={language} messages={messages} />
  </StrictMode>,
);
