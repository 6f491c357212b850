import Link from "next/link";
import "./globals.css";
import Environment from "./Environment.jsx";

export const metadata = { title: "Gallery", description: "A small gallery." };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link id="link-home" href="/">Home</Link> <Link id="link-about" href="/about">About</Link>{" "}
          <Link id="link-item" href="/items/2">Item 2</Link>
        </nav>
        <main>{children}</main>
        <footer>
          Running in <Environment />
        </footer>
      </body>
    </html>
  );
}
