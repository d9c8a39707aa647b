import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // Relative URLs: the page may be served under any path of a host.
  base: "./",
  // Nothing is inlined: the page's content security policy allows no data: fonts and no inline scripts.
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What the first view needs anyway in one file: many small files compress worse (by 2 kB).
        codeSplitting: {
          groups: [
            {
              name: "vendor",
              test: /node_modules\/(react|react-dom|scheduler|@tanstack|openapi-fetch|thumbhash)\//,
            },
            {
              name: "shared",
              test: /src\/(api|navigation|base|shared|i18n\/(en|language)|ui\/(icons|menu|notice|single-keys)|search\/query|wall\/name)/,
            },
          ],
        },
      },
    },
  },
  // `npm run dev` beside a running stack.
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
