document.body.append('Hello from Yarn')
