export const leaves = ["ash", "beech", "hêtre"];
