import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // Relative URLs: the page may be served under any path of a host.
  base: "./",
  // Nothing is inlined: the page's content security policy allows no data: fonts and no inline scripts.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  // `npm run dev` beside a running stack.
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
