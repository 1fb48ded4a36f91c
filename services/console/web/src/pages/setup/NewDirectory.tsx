export function NewDirectory() {
  return null;
}
