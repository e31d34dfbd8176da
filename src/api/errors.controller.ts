import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Public } from '../identity/access.js';
import { Describe } from './contract.js';
import { PROBLEMS } from './errors.js';
import { text } from './schemas.js';

const problem = z.object({ code: z.string(), status: z.number().int(), title: text, detail: text });

@Controller('api/errors')
@Public()
export class ErrorsController {
  @Get()
  @Describe({
    tag: 'about',
    summary: 'Every code that an answer can carry',
    answers: {
      200: { description: 'Codes with their texts', schema: z.object({ items: z.array(problem), next: z.null() }) },
    },
  })
  list() {
    return {
      items: Object.entries(PROBLEMS).map(([code, { status, title, detail }]) => ({ code, status, title, detail })),
      next: null,
    };
  }
}
