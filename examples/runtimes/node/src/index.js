// The word counter in JavaScript.
import { count } from './count.js';

export const handler = async (event) => {
  const words = count(event.text);
  console.log('counted', words);
  return { runtime: 'node', words };
};
