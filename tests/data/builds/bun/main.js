import escape from 'escape-html'

document.body.append(escape('Hello from Bun & <you>'))
