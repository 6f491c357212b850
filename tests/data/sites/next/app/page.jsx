import Counter from "./Counter.jsx";

export default function Home() {
  return (
    <section id="page-home">
      <h1>Gallery</h1>
      <img id="frame" src="/frame.svg" width="64" height="64" alt="A frame" />
      <Counter />
    </section>
  );
}
