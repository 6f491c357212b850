import { defineConfig } from "astro/config";

// Directory-style pages (about/index.html), with the style sheet as a file of its own.
export default defineConfig({
  build: { format: "directory", inlineStylesheets: "never" },
  vite: { build: { assetsInlineLimit: 0 } },
});
