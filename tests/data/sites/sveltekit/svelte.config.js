import adapter from "@sveltejs/adapter-static";

export default {
  kit: {
    // Pages that were not written at build time are drawn in the browser, from this page.
    adapter: adapter({ fallback: "404.html" }),
    version: { name: process.env.SITE_LABEL ?? "v0" },
  },
};
