throw new Error('no thread here');
