/** What github.com/syumai/workers generates: it starts the Go program for a request. */
declare const program: {
  fetch(request: Request, env: Record<string, unknown>, context: object): Promise<Response>;
};
export default program;
