/** The page says where all is (addresses.js), in its first message. */
export const addresses = { program: '', portable: '', runtime: '', thread: '' };
