import { lazy, Suspense, useState } from "react";
import { Link, Route, Routes, useParams } from "react-router";
import brush from "./brush.svg";
import Trouble from "./Trouble.jsx";

// A chunk of its own, asked for only once somebody goes to the page.
const About = lazy(() => import("./About.jsx"));

function Home() {
  const [count, setCount] = useState(0);
  return (
    <section id="page-home">
      <h1>Sketchbook</h1>
      <img id="brush" src={brush} width="64" height="64" alt="A brush" />
      <button id="count" type="button" onClick={() => setCount(count + 1)}>
        Strokes: {count}
      </button>
    </section>
  );
}

function Item() {
  const { id } = useParams();
  return (
    <section id="page-item">
      <h1>
        Item <span id="item-id">{id}</span>
      </h1>
    </section>
  );
}

function Missing() {
  return (
    <section id="page-missing">
      <h1>No such page</h1>
    </section>
  );
}

export default function App() {
  const runtime = window.__EASEL__ ?? {};
  return (
    <>
      <nav>
        <Link id="link-home" to="/">Home</Link> <Link id="link-about" to="/about">About</Link>{" "}
        <Link id="link-item" to="/items/42">Item 42</Link>
      </nav>
      <main>
        <Trouble>
          <Suspense fallback={<p id="loading">Loading…</p>}>
            <Routes>
              <Route path="/" element={<Home />} />
              <Route path="/about" element={<About />} />
              <Route path="/items/:id" element={<Item />} />
              <Route path="*" element={<Missing />} />
            </Routes>
          </Suspense>
        </Trouble>
      </main>
      <footer>
        Build <strong id="label">{__LABEL__}</strong> of <span id="slug">{runtime.slug ?? "none"}</span> in{" "}
        <span id="environment">{runtime.environment ?? "none"}</span>
      </footer>
    </>
  );
}
