import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // The one difference between two builds: a label the pages show.
  define: { __LABEL__: JSON.stringify(process.env.SITE_LABEL ?? "v0") },
  build: {
    // Keep the picture a file of its own instead of a data: address in the script.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        // The libraries apart from the app: a chunk that stays the same from build to build.
        codeSplitting: { groups: [{ name: "vendor", test: /node_modules/ }] },
      },
    },
  },
});
