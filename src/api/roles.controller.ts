import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Roles } from '../identity/access.js';
import { System } from '../system.js';
import { Titles } from '../workflows/titles.js';
import { Describe } from './contract.js';
import { text } from './schemas.js';

const role = z.object({ key: z.string(), title: text }).meta({ id: 'Role' });

/** Who works on cases, by the names that tasks, events and ladders use. */
@Controller('api/roles')
@Roles('staff')
export class RolesController {
  private readonly items: { key: string; title: z.output<typeof text> }[];

  constructor({ folder }: System) {
    this.items = new Titles(folder.catalogue).allRoles();
  }

  @Get()
  @Describe({
    tag: 'supervision',
    summary: 'Roles and their titles, one for each partner among them',
    answers: { 200: { description: 'All of them', schema: z.object({ items: z.array(role), next: z.null() }) } },
  })
  list() {
    return { items: this.items, next: null };
  }
}
