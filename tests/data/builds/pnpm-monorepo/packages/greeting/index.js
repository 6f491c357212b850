export const greeting = (place) => `Hello from ${place}`
